import type { Rejection } from "../api/types";
import { Scroll } from "./basics";
import { condition } from "../lib/format";

/** Which workers cannot take a session, and why. */
export function Rejections({ rejections }: { rejections: Rejection[] }) {
  return (
    <Scroll label="Rejections">
      <table class="table table-sm mb-0">
        <thead>
          <tr>
            <th scope="col">Worker</th>
            <th scope="col">Filter</th>
            <th scope="col">Why not</th>
          </tr>
        </thead>
        <tbody>
          {rejections.map((rejection) => (
            <tr key={`${rejection.worker_id}${rejection.filter}${rejection.message}`}>
              <td>
                {rejection.worker_id ? (
                  <a href={`/workers/${rejection.worker_id}`}>{rejection.worker_name || rejection.worker_id}</a>
                ) : (
                  rejection.worker_name || "any"
                )}
              </td>
              <td>{condition(rejection.filter)}</td>
              <td>{rejection.message}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
