/** Moments to snooze until, by the clock on the agent's wall. */

const MORNING_HOUR = 9;
const MONDAY = 1;

/** The moment a choice stands for; null: until the customer writes. */
export function snoozeMoment(choice: string, now = new Date()): Date | null {
  if (choice === "reply") return null;
  if (choice.startsWith("hours-")) {
    return new Date(now.getTime() + Number(choice.slice("hours-".length)) * 3_600_000);
  }
  const moment = new Date(now);
  moment.setHours(MORNING_HOUR, 0, 0, 0);
  const days = choice === "monday" ? (MONDAY - now.getDay() + 7) % 7 || 7 : 1;
  moment.setDate(moment.getDate() + days);
  return moment;
}
