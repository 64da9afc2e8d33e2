import { collectDefaultMetrics, Histogram, Registry } from "prom-client";
import { Collectors, type OnFailure } from "./collector.ts";

export interface RpcLabels {
  /** Such as `wms.v1.WarehouseService/PickItem`. */
  method: string;
  /** gRPC's name of the status. */
  code: string;
  transport: "grpc" | "http";
}

export interface Metrics {
  registry: Registry;
  /** For gauges that are read from elsewhere when a scrape asks. */
  collectors: Collectors;
  observeRpc(labels: RpcLabels, seconds: number): void;
}

/** One registry a service, so that several can live in one process. */
export function createMetrics(onFailure: OnFailure = () => {}): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const duration = new Histogram({
    name: "wms_rpc_duration_seconds",
    help: "RPCs by method, status code and transport; its count is the number of RPCs.",
    labelNames: ["method", "code", "transport"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  });
  return {
    registry,
    collectors: new Collectors(registry, onFailure),
    observeRpc: (labels, seconds) => duration.observe({ ...labels }, seconds),
  };
}
