import { issueToken } from "../../rpc/issue-token.ts";
import type { ServiceProcess } from "./service-process.ts";

/** What to try on the running service; each line works as printed. */
export async function printInvitation(service: ServiceProcess): Promise<void> {
  const { grpcPort, httpPort, redisUrl } = service.info;
  const token = await issueToken(service.secret, { subject: "you", role: "operator", expires: "1d" });
  const address = `127.0.0.1:${grpcPort}`;
  const web = `http://127.0.0.1:${httpPort}`;
  const warehouse = "wms.v1.WarehouseService";
  const bearer = '-H "authorization: Bearer $TOKEN"';
  const json = "-H 'content-type: application/json'";
  const buf = "npx buf curl --http2-prior-knowledge --protocol grpc";
  const redis = `redis-cli -u '${redisUrl}' --no-auth-warning`;
  console.log(`
The service is still running. Try, in another terminal in this directory:

export TOKEN=${token}

# what it can do, by reflection
grpcurl -plaintext ${address} list
${buf} --list-methods http://${address}

# an order and the newest picking task, by gRPC
grpcurl -plaintext ${bearer} -d '{"order_id": 1}' ${address} ${warehouse}/GetOrder
${buf} ${bearer} -d '{"order_id": 1}' http://${address}/${warehouse}/GetOrder
${buf} ${bearer} -d '{"page_size": 1}' http://${address}/${warehouse}/ListPickingTasks

# the same as JSON, by curl
curl -s ${bearer} ${json} -d '{"orderId": 1}' ${web}/${warehouse}/GetOrder
curl -s ${bearer} ${json} -d '{}' ${web}/wms.v1.OperationsService/Verify

# what happened to the orders, as any subscriber sees it: the last of it, or all of it from the beginning
${redis} XREVRANGE wms:events:fulfillment + - COUNT 3
${redis} XGROUP CREATE wms:events:fulfillment me 0
${redis} XREADGROUP GROUP me terminal COUNT 10 STREAMS wms:events:fulfillment '>'

# how it is
curl -s ${web}/readyz
curl -s ${web}/metrics | grep wms_rpc | head

Ctrl-C stops it and throws its data away.`);
}
