/** A table with search, filters, sorting, paging and selection; its state is in the address. */
import type { ComponentChildren } from "preact";
import { memo } from "preact/compat";
import { useLocation } from "preact-iso";
import { useMemo, useState } from "preact/hooks";
import { arrange, PAGE_SIZE, readState, writeState, type Column, type ListState } from "../lib/list";
import { words } from "../lib/format";
import { Empty, Scroll } from "./basics";

export interface CellColumn<T> extends Column<T> {
  cell: (item: T) => ComponentChildren;
}

interface Props<T> {
  name: string;
  items: readonly T[];
  idOf: (item: T) => string;
  columns: CellColumn<T>[];
  filters?: Record<string, (item: T) => string>;
  searchIn: (item: T) => string;
  defaultSort: string;
  empty?: ComponentChildren;
  /** Given the selected items; without it nothing can be selected. */
  bulk?: (selected: T[], clear: () => void) => ComponentChildren;
}

export function DataTable<T>(props: Props<T>) {
  const { path, query, route } = useLocation();
  const filters = props.filters ?? {};
  const keys = Object.keys(filters);
  const state = readState(new URLSearchParams(query as Record<string, string>), keys, props.defaultSort);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());

  const change = (next: Partial<ListState>) =>
    route(path + writeState({ ...state, page: 1, ...next }, props.defaultSort), true);
  const found = useMemo(
    () => arrange(props.items, props.columns, state, filters, props.searchIn),
    [props.items, state.search, state.sort, JSON.stringify(state.filters)],
  );
  const pages = Math.max(1, Math.ceil(found.length / PAGE_SIZE));
  const page = Math.min(state.page, pages);
  const shown = found.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE);
  const chosen = found.filter((item) => selected.has(props.idOf(item)));
  const clear = () => setSelected(new Set());
  const toggle = (ids: string[], on: boolean) =>
    setSelected((known) => {
      const next = new Set(known);
      for (const id of ids)
        if (on) next.add(id);
        else next.delete(id);
      return next;
    });

  return (
    <div>
      <div class="row g-2 mb-2">
        <div class="col-12 col-md">
          <input
            type="search"
            class="form-control form-control-sm"
            placeholder={`Search ${props.name}`}
            aria-label={`Search ${props.name}`}
            data-search
            value={state.search}
            onInput={(event) => change({ search: event.currentTarget.value })}
          />
        </div>
        {keys.map((key) => (
          <div class="col-6 col-md-auto" key={key}>
            <select
              class="form-select form-select-sm"
              aria-label={words(key)}
              value={state.filters[key] ?? ""}
              onChange={(event) => change({ filters: { ...state.filters, [key]: event.currentTarget.value } })}
            >
              <option value="">{words(key)}: all</option>
              {[...new Set(props.items.map(filters[key]!))]
                .filter(Boolean)
                .sort()
                .map((value) => (
                  <option key={value} value={value}>
                    {words(value)}
                  </option>
                ))}
            </select>
          </div>
        ))}
      </div>
      {props.bulk && chosen.length > 0 && (
        <div class="d-flex flex-wrap align-items-center gap-2 mb-2 p-2 bg-body-tertiary rounded" data-testid="bulk">
          <span class="small">{chosen.length} selected</span>
          {props.bulk(chosen, clear)}
          <button type="button" class="btn btn-sm btn-link" onClick={clear}>
            Clear
          </button>
        </div>
      )}
      {shown.length === 0 ? (
        props.items.length === 0 ? (
          (props.empty ?? <Empty title={`No ${props.name} yet`} />)
        ) : (
          <Empty title={`No ${props.name} match`}>
            <button
              type="button"
              class="btn btn-sm btn-outline-secondary"
              onClick={() => change({ search: "", filters: {} })}
            >
              Clear search and filters
            </button>
          </Empty>
        )
      ) : (
        <Scroll label={props.name}>
          <table class="table table-sm table-hover align-middle">
            <thead>
              <tr>
                {props.bulk && (
                  <th scope="col" class="check">
                    <input
                      type="checkbox"
                      class="form-check-input"
                      aria-label="Select this page"
                      checked={shown.every((item) => selected.has(props.idOf(item)))}
                      onChange={(event) => toggle(shown.map(props.idOf), event.currentTarget.checked)}
                    />
                  </th>
                )}
                {props.columns.map((column) => (
                  <Heading column={column} key={column.key} sort={state.sort} onSort={(sort) => change({ sort })} />
                ))}
              </tr>
            </thead>
            <tbody>
              {shown.map((item) => (
                <Row
                  key={props.idOf(item)}
                  id={props.idOf(item)}
                  item={item}
                  columns={props.columns as CellColumn<unknown>[]}
                  selectable={Boolean(props.bulk)}
                  selected={selected.has(props.idOf(item))}
                  onSelect={toggle}
                />
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {found.length > 0 && (
        <Pager page={page} pages={pages} total={found.length} onPage={(next) => change({ page: next })} />
      )}
    </div>
  );
}

interface RowProps {
  id: string;
  item: unknown;
  columns: CellColumn<unknown>[];
  selectable: boolean;
  selected: boolean;
  onSelect: (ids: string[], on: boolean) => void;
}

/** Drawn again only when its object or its selection changed, or a signal that a cell reads. */
const Row = memo(
  function Row({ id, item, columns, selectable, selected, onSelect }: RowProps) {
    return (
      <tr data-id={id}>
        {selectable && (
          <td>
            <input
              type="checkbox"
              class="form-check-input"
              aria-label={`Select ${id}`}
              checked={selected}
              onChange={(event) => onSelect([id], event.currentTarget.checked)}
            />
          </td>
        )}
        {columns.map((column) => (
          <td key={column.key} class={column.always ? "" : "d-none d-md-table-cell"}>
            {column.cell(item)}
          </td>
        ))}
      </tr>
    );
  },
  (before, after) =>
    before.item === after.item && before.selected === after.selected && before.selectable === after.selectable,
);

function Heading<T>(props: { column: Column<T>; sort: string; onSort: (sort: string) => void }) {
  const { column, sort } = props;
  const mine = sort.replace(/^-/, "") === column.key;
  const down = mine && sort.startsWith("-");
  if (column.title === "") {
    return (
      <th scope="col" class={column.always ? "" : "d-none d-md-table-cell"}>
        <span class="visually-hidden">Actions</span>
      </th>
    );
  }
  return (
    <th
      scope="col"
      class={column.always ? "" : "d-none d-md-table-cell"}
      aria-sort={mine ? (down ? "descending" : "ascending") : undefined}
    >
      <button
        type="button"
        class="btn btn-sm btn-head"
        onClick={() => props.onSort(mine && !down ? `-${column.key}` : column.key)}
      >
        {column.title}
        <span aria-hidden="true">{mine ? (down ? " ↓" : " ↑") : ""}</span>
      </button>
    </th>
  );
}

function Pager(props: { page: number; pages: number; total: number; onPage: (page: number) => void }) {
  return (
    <div class="d-flex justify-content-between align-items-center small text-body-secondary">
      <span data-testid="total">{props.total} in all</span>
      {props.pages > 1 && (
        <span class="d-flex align-items-center gap-2">
          <button
            type="button"
            class="btn btn-sm btn-outline-secondary"
            disabled={props.page <= 1}
            onClick={() => props.onPage(props.page - 1)}
          >
            Previous
          </button>
          {props.page} of {props.pages}
          <button
            type="button"
            class="btn btn-sm btn-outline-secondary"
            disabled={props.page >= props.pages}
            onClick={() => props.onPage(props.page + 1)}
          >
            Next
          </button>
        </span>
      )}
    </div>
  );
}
