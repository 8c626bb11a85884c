/** The agents' pages: one connection for the page, the list by htmx, each open thread an element. */

import { Alerts } from "./alerts.ts";
import { AgentLink } from "./link.ts";
import { CareConversation } from "./conversation.ts";
import { listenToPage } from "./page.ts";
import { Palette } from "./palette.ts";
import { listenToKeys } from "./shortcuts.ts";

const link = new AgentLink(document.body);
CareConversation.link = link;
customElements.define("care-conversation", CareConversation);
listenToPage();
new Alerts();
const dialog = document.querySelector<HTMLDialogElement>("#palette");
if (dialog) listenToKeys(new Palette(dialog));
link.start();
