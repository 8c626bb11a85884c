/** The agents' pages: one connection for the page, the list by htmx, each open thread an element. */

import { AgentLink } from "./link.ts";
import { CareConversation } from "./conversation.ts";
import { listenToPage } from "./page.ts";

const link = new AgentLink(document.body);
CareConversation.link = link;
customElements.define("care-conversation", CareConversation);
listenToPage();
link.start();
