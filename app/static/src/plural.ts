/** The form of a sentence that a number asks for, by the rules of its language. */

type Forms = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };

/** `#` in the form becomes the number, written as the language writes it. */
export function plural(language: string, count: number, forms: Forms): string {
  const form = forms[new Intl.PluralRules(language).select(count)] ?? forms.other;
  return form.replace("#", new Intl.NumberFormat(language).format(count));
}
