/** Light, dark, or as the system says. */
import { signal } from "@preact/signals";

type Theme = "auto" | "light" | "dark";
const KEY = "lcm.theme";
const system = matchMedia("(prefers-color-scheme: dark)");

export const theme = signal<Theme>((localStorage.getItem(KEY) as Theme | null) ?? "auto");

function apply(): void {
  const dark = theme.value === "dark" || (theme.value === "auto" && system.matches);
  document.documentElement.dataset.bsTheme = dark ? "dark" : "light";
}

export function nextTheme(): void {
  const order: Theme[] = ["auto", "light", "dark"];
  theme.value = order[(order.indexOf(theme.value) + 1) % order.length]!;
  localStorage.setItem(KEY, theme.value);
  apply();
}

system.addEventListener("change", apply);
apply();
