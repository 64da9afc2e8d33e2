import { issueToken } from "../../rpc/auth.ts";
import type { ServiceProcess } from "./service-process.ts";

/** What to try on the running service; each line works as printed. */
export async function printInvitation(service: ServiceProcess): Promise<void> {
  const { grpcPort, httpPort, redisUrl } = service.info;
  const token = await issueToken(service.secret, { subject: "you", role: "operator", expires: "1d" });
  const grpc = `http://127.0.0.1:${grpcPort}`;
  const buf = "npx buf curl --http2-prior-knowledge --protocol grpc";
  console.log(`
The service is still running. Try, in another terminal in this directory:

export TOKEN=${token}

# what it can do, by reflection (grpcurl -plaintext 127.0.0.1:${grpcPort} list does the same)
${buf} --list-methods ${grpc}
grpcurl -plaintext 127.0.0.1:${grpcPort} list

# an order, by gRPC
${buf} -H "authorization: Bearer $TOKEN" -d '{"order_id": 1}' ${grpc}/wms.v1.WarehouseService/GetOrder
grpcurl -plaintext -H "authorization: Bearer $TOKEN" -d '{"order_id": 1}' 127.0.0.1:${grpcPort} wms.v1.WarehouseService/GetOrder

# the same as JSON, by curl
curl -s -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' -d '{"orderId": 1}' http://127.0.0.1:${httpPort}/wms.v1.WarehouseService/GetOrder
curl -s -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' -d '{}' http://127.0.0.1:${httpPort}/wms.v1.OperationsService/Verify

# what happened to it, as any subscriber sees it
redis-cli -u '${redisUrl}' --no-auth-warning XREVRANGE wms:events:fulfillment + - COUNT 3

curl -s http://127.0.0.1:${httpPort}/readyz
curl -s http://127.0.0.1:${httpPort}/metrics | grep wms_rpc | head

Ctrl-C stops it and throws its data away.`);
}
