/** A line chart over time. */
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { hourLabel, showUtc } from "../lib/time";
import { Card } from "./basics";

export interface Series {
  label: string;
  color: string;
  values: (number | null)[];
  /** Filled below the line. */
  filled?: boolean;
}

interface Props {
  title: string;
  /** Instants in milliseconds, ascending. */
  at: number[];
  series: Series[];
  /** A value holds until the next instant, as bookings do. */
  stepped?: boolean;
}

const HEIGHT = 180;
const FAINT = "rgba(128,128,128,.2)";

export function Chart({ title, at, series, stepped = false }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const data = [at.map((instant) => instant / 1000), ...series.map((one) => one.values)] as uPlot.AlignedData;
  const utc = showUtc.value;
  useEffect(() => {
    const element = place.current!;
    plot.current = new uPlot(options(element, series, stepped, utc), data, element);
    const observer = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.current?.destroy();
    };
  }, [utc]);
  useEffect(() => plot.current?.setData(data), [at, series]);
  return (
    <Card title={title}>
      <div ref={place} role="img" aria-label={`${title}: ${series.map((one) => one.label).join(", ")}`} />
    </Card>
  );
}

/** Hours, or days when the lines of the grid are at least half a day apart. */
function timeLabels(utc: boolean): uPlot.Axis.Values {
  return (_, splits) => {
    const apart = (splits[1] ?? 0) - (splits[0] ?? 0);
    return splits.map((seconds) => hourLabel(seconds * 1000, utc, apart >= 43_200));
  };
}

function options(element: HTMLElement, series: Series[], stepped: boolean, utc: boolean): uPlot.Options {
  const stroke = getComputedStyle(element).color;
  const axis = { stroke, grid: { stroke: FAINT }, ticks: { stroke: FAINT } };
  const paths = stepped ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
  const lines = series.map((one) => ({
    label: one.label,
    stroke: one.color,
    width: 1.5,
    spanGaps: true,
    ...(one.filled ? { fill: `${one.color}33` } : {}),
    ...(paths ? { paths } : {}),
  }));
  return {
    width: element.clientWidth,
    height: HEIGHT,
    axes: [{ ...axis, values: timeLabels(utc) }, axis],
    series: [{}, ...lines],
    scales: { y: { range: (_, low, high) => [Math.min(0, low), Math.max(high * 1.1, 1)] } },
    ...(utc ? { tzDate: (seconds: number) => uPlot.tzDate(new Date(seconds * 1000), "UTC") } : {}),
  };
}
