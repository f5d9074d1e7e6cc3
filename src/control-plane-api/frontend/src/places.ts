/** The pages of the console, who sees them in the menu, and the letter that goes there after `g`. */
import { isAdmin, isAuthor, isManager } from "./user";

export interface Place {
  href: string;
  label: string;
  key: string;
  group: "" | "Plan" | "Operate" | "Govern";
  shown: () => boolean;
}

const everyone = () => true;
const operators = () => isManager.value;
const authors = () => isManager.value || isAuthor.value;

export const PLACES: readonly Place[] = [
  { href: "/", label: "Overview", key: "o", group: "", shown: operators },
  { href: "/my-labs", label: "My labs", key: "m", group: "", shown: everyone },
  { href: "/sessions", label: "Sessions", key: "s", group: "", shown: operators },
  { href: "/workers", label: "Workers", key: "w", group: "", shown: everyone },
  { href: "/definitions", label: "Definitions", key: "d", group: "", shown: authors },
  { href: "/calendar", label: "Calendar", key: "c", group: "Plan", shown: operators },
  { href: "/preview", label: "Preview", key: "p", group: "Plan", shown: authors },
  { href: "/templates", label: "Templates", key: "t", group: "Plan", shown: operators },
  { href: "/tasks", label: "Tasks", key: "k", group: "Operate", shown: everyone },
  { href: "/jobs", label: "Jobs", key: "j", group: "Operate", shown: operators },
  { href: "/controllers", label: "Controllers", key: "r", group: "Operate", shown: operators },
  { href: "/audit", label: "Audit", key: "a", group: "Govern", shown: operators },
  { href: "/settings", label: "Settings", key: "e", group: "Govern", shown: () => isAdmin.value || isManager.value },
];

/** The place that a path belongs to. */
export function placeOf(path: string): Place | undefined {
  return PLACES.find((place) => place.href === path || (place.href !== "/" && path.startsWith(`${place.href}/`)));
}
