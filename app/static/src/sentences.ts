/** Cuts a growing text into whole sentences, so that a screen reader hears sentences, not tokens. */

const END = /[.!?…。！？]+["'”’)\]]*(?:\s*\[\d{1,2}\])*(?=\s)|\n+/g;
const NOT_SPOKEN = /\[\d{1,2}\]|[*`]|(?<!\w)_|_(?!\w)/g;
const LINK = /\[([^\]\n]+)\]\([^()\s]+\)/g;

export class SentenceReader {
  private told = 0;

  /** The sentences that `text` completes since the last call; `text` only ever grows. */
  next(text: string): string[] {
    const sentences: string[] = [];
    END.lastIndex = this.told;
    for (let match = END.exec(text); match; match = END.exec(text)) {
      this.tell(text.slice(this.told, END.lastIndex), sentences);
      this.told = END.lastIndex;
    }
    return sentences;
  }

  /** What is left when the text has ended. */
  rest(text: string): string[] {
    const sentences = this.next(text);
    this.tell(text.slice(this.told), sentences);
    this.told = text.length;
    return sentences;
  }

  private tell(piece: string, sentences: string[]): void {
    const spoken = piece.replace(LINK, "$1").replace(NOT_SPOKEN, "").replace(/\s+/g, " ").trim();
    if (/[\p{L}\p{N}]/u.test(spoken)) sentences.push(spoken);
  }
}
