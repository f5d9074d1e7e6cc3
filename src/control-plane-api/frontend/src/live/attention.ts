/** What needs a person, computed once for every view that shows it. */
import { computed } from "@preact/signals";
import { attention } from "../lib/attention";
import { now } from "../lib/time";
import { sessions, tasks, workers } from "./store";

/** Deadlines are looked at every ten seconds of the platform: more often nobody could follow. */
const tenSeconds = computed(() => Math.floor(now.value / 10_000) * 10_000);

export const needsAttention = computed(() =>
  attention(workers.list.value, sessions.list.value, tasks.list.value, tenSeconds.value),
);
export const openAttention = computed(() => needsAttention.value.length);
