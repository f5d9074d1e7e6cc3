/** When a lab shall run: as soon as possible, or from an instant on. */
import { useState } from "preact/hooks";
import { present, toLocalField } from "../lib/time";
import { NumberField } from "./fields";

export interface When {
  soon: boolean;
  start: string;
  minutes: number;
}

type Wanted =
  | { as_soon_as_possible: true; duration_minutes: number }
  | { as_soon_as_possible: false; slot: { start: string; end: string } };

export function useWhen(): [When, (change: Partial<When>) => void] {
  const [when, setWhen] = useState<When>(() => ({
    soon: true,
    start: toLocalField(new Date(present() + 3_600_000)),
    minutes: 60,
  }));
  return [when, (change) => setWhen({ ...when, ...change })];
}

/** The part of a request that says when. */
export function wanted(when: When): Wanted {
  if (when.soon) return { as_soon_as_possible: true, duration_minutes: when.minutes };
  const begin = new Date(when.start);
  const end = new Date(begin.getTime() + when.minutes * 60_000);
  return { as_soon_as_possible: false, slot: { start: begin.toISOString(), end: end.toISOString() } };
}

export function WhenFields(props: { when: When; change: (change: Partial<When>) => void; longest: number }) {
  const { when, change } = props;
  return (
    <>
      <fieldset class="mb-2">
        <legend class="form-label fs-6">When</legend>
        <label class="form-check">
          <input
            type="radio"
            class="form-check-input"
            name="when"
            checked={when.soon}
            onChange={() => change({ soon: true })}
          />{" "}
          As soon as possible
        </label>
        <label class="form-check">
          <input
            type="radio"
            class="form-check-input"
            name="when"
            checked={!when.soon}
            onChange={() => change({ soon: false })}
          />{" "}
          At a time
        </label>
        {!when.soon && (
          <input
            type="datetime-local"
            class="form-control mt-1"
            aria-label="Start"
            required
            value={when.start}
            onInput={(event) => change({ start: event.currentTarget.value })}
          />
        )}
      </fieldset>
      <NumberField
        label="Minutes"
        min={5}
        max={props.longest}
        value={when.minutes}
        set={(minutes) => change({ minutes })}
      />
    </>
  );
}
