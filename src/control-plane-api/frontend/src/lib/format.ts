/** Numbers and names for people. */

export function percent(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : `${value.toFixed(0)} %`;
}

export function dollars(value: number): string {
  return `$${value.toFixed(2)}`;
}

export function memory(megabytes: number): string {
  return megabytes >= 1024 ? `${(megabytes / 1024).toFixed(megabytes % 1024 ? 1 : 0)} GiB` : `${megabytes} MiB`;
}

export function bytes(value: number): string {
  if (value >= 1024 * 1024) return `${(value / 1024 / 1024).toFixed(1)} MiB`;
  return value >= 1024 ? `${(value / 1024).toFixed(1)} KiB` : `${value.toFixed(0)} B`;
}

/** `pending_sync` → `Pending sync`. */
export function words(code: string): string {
  const text = code.replaceAll(/[_-]/g, " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `InstanceRunning` → `Instance running`. */
export function condition(type: string): string {
  const text = type.replaceAll(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}
