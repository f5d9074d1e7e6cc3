/** Instants and durations for people. */
import { signal } from "@preact/signals";

const UTC_KEY = "lcm.utc";
/** Whether absolute times are shown in UTC. */
export const showUtc = signal(localStorage.getItem(UTC_KEY) === "1");
/** The present, once a second; every countdown and age follows it. */
export const now = signal(Date.now());

window.setInterval(() => {
  if (document.visibilityState === "visible") now.value = Date.now();
}, 1000);

export function toggleUtc(): void {
  showUtc.value = !showUtc.value;
  localStorage.setItem(UTC_KEY, showUtc.value ? "1" : "0");
}

/** `1h 05m`, `12m 03s`, `8s`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const days = Math.floor(whole / 86400);
  const hours = Math.floor((whole % 86400) / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = whole % 60;
  const two = (value: number) => String(value).padStart(2, "0");
  if (days) return `${days}d ${two(hours)}h`;
  if (hours) return `${hours}h ${two(minutes)}m`;
  if (minutes) return `${minutes}m ${two(rest)}s`;
  return `${rest}s`;
}

/** `5m ago`, `in 2h 00m`. */
export function relative(instant: string, present: number): string {
  const seconds = (present - Date.parse(instant)) / 1000;
  if (Math.abs(seconds) < 2) return "now";
  return seconds >= 0 ? `${duration(seconds)} ago` : `in ${duration(-seconds)}`;
}

/** Date and time in the chosen zone, to the minute, or to the second. */
export function absolute(instant: string, utc: boolean, seconds = false): string {
  const options: Intl.DateTimeFormatOptions = {
    year: "numeric",
    month: "short",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hour12: false,
    ...(seconds ? { second: "2-digit" } : {}),
    ...(utc ? { timeZone: "UTC" } : {}),
  };
  return `${new Intl.DateTimeFormat(undefined, options).format(new Date(instant))}${utc ? " UTC" : ""}`;
}

/** Value of a `datetime-local` field for an instant, in local time. */
export function toLocalField(instant: Date): string {
  const shifted = new Date(instant.getTime() - instant.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 16);
}
