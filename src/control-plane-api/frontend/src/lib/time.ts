/** Instants and durations for people. */
import { signal } from "@preact/signals";

const UTC_KEY = "lcm.utc";
/** Whether absolute times are shown in UTC. */
export const showUtc = signal(localStorage.getItem(UTC_KEY) === "1");

const anchor = { real: Date.now(), domain: Date.now(), factor: 1 };
/** How much faster than real time the platform's slots and deadlines pass. */
export const clockFactor = signal(1);

/** The present of the platform: slots, deadlines and ages are counted in it. */
export function present(): number {
  return anchor.domain + (Date.now() - anchor.real) * anchor.factor;
}

/** Take over the platform's time; the stream's greeting brings it. */
export function setClock(platformNow: string, factor: number): void {
  Object.assign(anchor, { real: Date.now(), domain: Date.parse(platformNow), factor });
  clockFactor.value = factor;
  now.value = present();
}

/** The present, once a second; every countdown and age follows it. */
export const now = signal(present());

window.setInterval(() => {
  if (document.visibilityState === "visible") now.value = present();
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

/** The hour of an instant, or its weekday and day. */
export function hourLabel(instant: number, utc: boolean, days: boolean): string {
  const parts: Intl.DateTimeFormatOptions = days
    ? { weekday: "short", day: "2-digit" }
    : { hour: "2-digit", minute: "2-digit", hour12: false };
  return new Intl.DateTimeFormat(undefined, { ...parts, ...(utc ? { timeZone: "UTC" } : {}) }).format(instant);
}

/** Value of a `datetime-local` field for an instant, in local time. */
export function toLocalField(instant: Date): string {
  const shifted = new Date(instant.getTime() - instant.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 16);
}
