import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { SERVICES } from "../../src/rpc/router.ts";
import { rolesFor } from "../../src/rpc/scopes.ts";

/** The contract's "Callers:" line of every RPC: what callers were promised. */
function promisedRoles(): Map<string, string[]> {
  const promised = new Map<string, string[]>();
  for (const file of ["warehouse_service", "operations_service"]) {
    const proto = readFileSync(new URL(`../../proto/wms/v1/${file}.proto`, import.meta.url), "utf8");
    for (const [, comment = "", name = ""] of proto.matchAll(/((?: *\/\/.*\n)+) *rpc (\w+)/g)) {
      const callers = /Callers: ([^.]*)\./.exec(comment.replaceAll(/\n? *\/\/ ?/g, " "))?.[1] ?? "";
      promised.set(name, callers.replaceAll(/\s*\([^)]*\)/g, "").split(/,\s*/));
    }
  }
  return promised;
}

describe("rolesFor", () => {
  const promised = promisedRoles();

  it.each(SERVICES.flatMap((service) => service.methods).map((method) => [method.name, method] as const))(
    "has a row for %s, and it says what the contract says",
    (name, method) => {
      const roles = rolesFor(method.parent.typeName, method.localName);
      expect(roles.length).toBeGreaterThan(0);
      expect(roles).toEqual(promised.get(name));
    },
  );

  it("lets nobody call what has no row", () => {
    expect(rolesFor("wms.v1.WarehouseService", "dropEverything")).toEqual([]);
    expect(rolesFor("wms.v1.WarehouseService", "toString")).toEqual([]);
    expect(rolesFor("wms.v2.WarehouseService", "pickItem")).toEqual([]);
  });
});
