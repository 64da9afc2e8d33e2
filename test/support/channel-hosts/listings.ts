import { z } from "zod";
import { type RunningHost, startHost } from "../carrier-hosts/host.ts";
import { checkJson } from "../carrier-hosts/http-messages.ts";

export interface ListingsHost extends RunningHost {
  /** Orders' statuses there; one that is not among them is not known. */
  readonly statuses: Map<string, string>;
}

const statusSchema = z.strictObject({ status: z.string().min(1), message: z.string() });

/** GetOrder and UpdateOrderStatus, by the Listings service's two routes; a status that an order has already is a conflict. */
export async function startListingsHost(): Promise<ListingsHost> {
  const statuses = new Map<string, string>();
  const running = await startHost({
    code: "listings",
    routes: [
      {
        operation: "update_order_status",
        method: "POST",
        path: "/api/v1/orders/:id/status",
        check: (request) => checkJson(request, statusSchema),
        answer: ({ params, text }) => {
          const id = params["id"] as string;
          const { status } = statusSchema.parse(JSON.parse(text));
          const known = statuses.get(id);
          if (known === undefined) return { status: 404, body: { error: "order not found" } };
          if (known === status) return { status: 409, body: { error: `order is ${status} already` } };
          statuses.set(id, status);
          return { body: { success: true } };
        },
      },
      {
        operation: "get_order",
        method: "GET",
        path: "/api/v1/orders/:id",
        check: () => [],
        answer: ({ params }) => {
          const status = statuses.get(params["id"] as string);
          if (status === undefined) return { status: 404, body: { error: "order not found" } };
          return { body: { id: Number(params["id"]), order_number: `A-${params["id"]}`, status } };
        },
      },
    ],
    authorize: () => undefined,
    refuse: ({ status, message }) => ({ status, body: { error: message } }),
  });
  return { ...running, statuses };
}
