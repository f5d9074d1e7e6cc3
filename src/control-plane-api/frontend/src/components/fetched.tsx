/** Lists that are read over REST on request: history and registers that nobody watches live. */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { call } from "../api/client";
import type { Page } from "../api/types";
import { Empty, Scroll } from "./basics";
import { failed } from "./toasts";

interface Props<T> {
  path: string;
  params: Record<string, string>;
  name: string;
  headings: string[];
  row: (item: T) => ComponentChildren;
}

export function Fetched<T>({ path, params, name, headings, row }: Props<T>) {
  const [items, setItems] = useState<T[] | null>(null);
  const [cursor, setCursor] = useState("");
  const key = JSON.stringify(params);
  const load = async (from: string) => {
    try {
      const page = await call<Page<T>>("GET", path, { params: { ...params, ...(from ? { cursor: from } : {}) } });
      setItems((known) => (from && known ? [...known, ...page.items] : page.items));
      setCursor(page.next_cursor);
    } catch (error) {
      failed(error);
      setItems((known) => known ?? []);
    }
  };
  useEffect(() => void load(""), [path, key]);
  if (items === null) return <p role="status">Loading…</p>;
  if (items.length === 0) return <Empty title={`No ${name}`} />;
  return (
    <>
      <Scroll label={name}>
        <table class="table table-sm table-hover">
          <thead>
            <tr>
              {headings.map((heading) => (
                <th scope="col" key={heading}>
                  {heading}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>{items.map(row)}</tbody>
        </table>
      </Scroll>
      {cursor && (
        <button type="button" class="btn btn-sm btn-outline-secondary" onClick={() => void load(cursor)}>
          More
        </button>
      )}
    </>
  );
}
