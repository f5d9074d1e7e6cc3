/** Questions before something that cannot be taken back, and forms over the page; on the browser's own dialog. */
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

interface Question {
  title: string;
  text: string;
  confirm: string;
  /** What must be typed, for the most destructive ones. */
  typed?: string;
  danger?: boolean;
  answer: (yes: boolean) => void;
}

const question = signal<Question | null>(null);

/** Ask, and wait for the answer. */
export function ask(options: Omit<Question, "answer">): Promise<boolean> {
  return new Promise((resolve) => {
    question.value = {
      ...options,
      answer: (yes) => {
        question.value = null;
        resolve(yes);
      },
    };
  });
}

export function Dialog(props: { title: string; onClose: () => void; children: ComponentChildren; wide?: boolean }) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={element}
      class={`dialog ${props.wide ? "dialog-wide" : ""}`}
      aria-labelledby="dialog-title"
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
      onClick={(event) => event.target === element.current && props.onClose()}
    >
      <div class="p-3">
        <div class="d-flex justify-content-between align-items-start mb-2">
          <h2 class="h5 mb-0" id="dialog-title">
            {props.title}
          </h2>
          <button type="button" class="btn-close" aria-label="Close" onClick={props.onClose} />
        </div>
        {props.children}
      </div>
    </dialog>
  );
}

function Asked({ asked }: { asked: Question }) {
  const [typed, setTyped] = useState("");
  const ready = !asked.typed || typed === asked.typed;
  return (
    <Dialog title={asked.title} onClose={() => asked.answer(false)}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) asked.answer(true);
        }}
      >
        <p>{asked.text}</p>
        {asked.typed && (
          <label class="form-label w-100">
            Type <code>{asked.typed}</code> to confirm
            <input
              class="form-control mt-1"
              value={typed}
              onInput={(event) => setTyped(event.currentTarget.value)}
              autocomplete="off"
            />
          </label>
        )}
        <div class="d-flex justify-content-end gap-2">
          <button type="button" class="btn btn-outline-secondary" onClick={() => asked.answer(false)}>
            Keep everything
          </button>
          <button type="submit" class={`btn btn-${asked.danger ? "danger" : "primary"}`} disabled={!ready}>
            {asked.confirm}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

export function Questions() {
  return question.value ? <Asked asked={question.value} key={question.value.title} /> : null;
}
