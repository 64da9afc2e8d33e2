import { type DescFile, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { Server } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { file_google_rpc_error_details } from "../../gen/google/rpc/error_details_pb.js";
import { file_google_rpc_status } from "../../gen/google/rpc/status_pb.js";
import { file_health_v1_health } from "../../gen/health/v1/health_pb.js";
import { file_wms_v1_events } from "../../gen/wms/v1/events_pb.js";
import { SERVICES } from "./router.ts";

/** Serves the descriptors, v1 and v1alpha: what is called, what comes as events, and what errors carry. */
export function addReflection(server: Server): void {
  const roots = [
    ...SERVICES.map((service) => service.file),
    file_wms_v1_events,
    file_google_rpc_error_details,
    file_google_rpc_status,
    file_health_v1_health,
  ];
  const ours = withDependencies(roots).map((file) =>
    Buffer.from(toBinary(FileDescriptorProtoSchema, file.proto)),
  );
  const definition = { "wms.v1": { format: "", type: {}, fileDescriptorProtos: ours } };
  new ReflectionService(definition as never).addToServer(server);
}

function withDependencies(roots: readonly DescFile[]): DescFile[] {
  const found = new Map<string, DescFile>();
  const visit = (file: DescFile) => {
    if (found.has(file.name)) return;
    found.set(file.name, file);
    file.dependencies.forEach(visit);
  };
  roots.forEach(visit);
  return [...found.values()];
}
