import type { IncomingMessage } from "node:http";
import type { DescMethod, Message, MessageShape } from "@bufbuild/protobuf";
import type { z } from "zod";
import { readBody } from "./rest-body.ts";
import type { RestError } from "./rest-errors.ts";

/** A REST route: another spelling of an RPC, with its handler, its roles and its errors. */
export interface RestRoute {
  method: "GET" | "POST";
  /** Its first group, if any, is the id. */
  path: RegExp;
  rpc: DescMethod;
  /** The status of an answer that is no error. */
  success: number;
  read(req: IncomingMessage, id: bigint): Promise<Message>;
  answer(message: Message): object;
  refuse(error: RestError): object;
}

interface RouteWords<M extends DescMethod, Body> {
  method: RestRoute["method"];
  path: RegExp;
  rpc: M;
  success: number;
  /** Left out: the route has no body. */
  body?: z.ZodType<Body>;
  request: (given: { id: bigint; body: Body }) => MessageShape<M["input"]>;
  answer: (message: MessageShape<M["output"]>) => object;
  refuse: (error: RestError) => object;
}

export function restRoute<M extends DescMethod, Body = undefined>({
  body,
  request,
  answer,
  ...rest
}: RouteWords<M, Body>): RestRoute {
  return {
    ...rest,
    read: async (req, id) => request({ id, body: body ? await readBody(req, body) : (undefined as Body) }),
    answer: (message) => answer(message as MessageShape<M["output"]>),
  };
}
