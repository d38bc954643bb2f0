// This sitting of the person, by the service's clock: a clock of the browser that is ahead would be refused.

const BY_THE_CLOCK = ["ai_disclosure", "break_reminder"];
let ahead = 0;
let startedAt = null;
let lastNoticeAt = null;

const now = () => new Date(Date.now() - ahead).toISOString();

export function heardTime(date) {
  const theirs = Date.parse(date ?? "");
  if (Number.isFinite(theirs)) ahead = Date.now() - theirs;
}

export function sitting() {
  startedAt ??= now();
  return { session_started_at: startedAt, ...(lastNoticeAt && { last_notice_at: lastNoticeAt }) };
}

// The service's clock is heard in whole seconds: without the start as a bound a notice could come before it.
export function noticesShown(notices = []) {
  if (!notices.some(({ kind }) => BY_THE_CLOCK.includes(kind))) return;
  const shown = now();
  lastNoticeAt = startedAt > shown ? startedAt : shown;
}
