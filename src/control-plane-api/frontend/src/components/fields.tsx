/** Labelled form fields. */
import type { ComponentChildren } from "preact";

interface Common {
  label: string;
  help?: string;
  disabled?: boolean;
}

function Labelled({ label, help, children }: { label: string; help?: string; children: ComponentChildren }) {
  return (
    <label class="form-label w-100">
      {label}
      {children}
      {help && <span class="form-text d-block">{help}</span>}
    </label>
  );
}

export function TextField(
  props: Common & {
    value: string;
    set: (value: string) => void;
    pattern?: string;
    required?: boolean;
    maxLength?: number;
    placeholder?: string;
  },
) {
  return (
    <Labelled label={props.label} help={props.help}>
      <input
        class="form-control"
        value={props.value}
        pattern={props.pattern}
        required={props.required}
        disabled={props.disabled}
        maxLength={props.maxLength}
        placeholder={props.placeholder}
        onInput={(event) => props.set(event.currentTarget.value)}
      />
    </Labelled>
  );
}

export function NumberField(
  props: Common & { value: number; set: (value: number) => void; min?: number; max?: number; step?: number | "any" },
) {
  return (
    <Labelled label={props.label} help={props.help}>
      <input
        type="number"
        class="form-control"
        required
        value={props.value}
        min={props.min}
        max={props.max}
        step={props.step}
        disabled={props.disabled}
        onInput={(event) => props.set(Number(event.currentTarget.value))}
      />
    </Labelled>
  );
}

export function SelectField(
  props: Common & { value: string; set: (value: string) => void; options: readonly (readonly [string, string])[] },
) {
  return (
    <Labelled label={props.label} help={props.help}>
      <select
        class="form-select"
        value={props.value}
        disabled={props.disabled}
        onChange={(event) => props.set(event.currentTarget.value)}
      >
        {props.options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </Labelled>
  );
}

export function Check(props: Common & { value: boolean; set: (value: boolean) => void }) {
  return (
    <label class="form-check mb-2">
      <input
        type="checkbox"
        class="form-check-input"
        checked={props.value}
        disabled={props.disabled}
        onChange={(event) => props.set(event.currentTarget.checked)}
      />{" "}
      {props.label}
    </label>
  );
}
