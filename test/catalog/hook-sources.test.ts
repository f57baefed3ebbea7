import { describe, expect, it } from "vitest";
import { hookSourceSchema } from "../../src/catalog/hook-sources.ts";
import { servicesOfRepository } from "../../src/catalog/lookup.ts";
import type { Catalog } from "../../src/catalog/schema.ts";
import { serviceSchema } from "../../src/catalog/services.ts";

const source = (fields: object) => {
  const read = hookSourceSchema.safeParse({ name: "s", team: "storefront", ...fields });
  return read.success ? [] : read.error.issues.map(({ path, message }) => `${path.join(".")} ${message}`);
};
const topic = "arn:aws:sns:eu-west-1:123456789012:alarms";

describe("sources of hooks", () => {
  it.each<[object, string[]]>([
    [{ kind: "sns", topics: [topic, "arn:aws-cn:sns:cn-north-1:123456789012:alarms.fifo"] }, []],
    [{ kind: "sns" }, ["topics is missing; list the topics that may send"]],
    [{ kind: "sns", topics: [] }, ["topics names no topic; list those that may send"]],
    [
      { kind: "sns", topics: [`${topic}:6590056b`] },
      ["topics.0 must be a topic's ARN, such as arn:aws:sns:eu-west-1:123456789012:alarms"],
    ],
    [{ kind: "github", topics: [topic] }, ["topics is for kind sns alone; remove it"]],
    [{ kind: "github", deployWorkflows: "^ship" }, []],
    [{ kind: "github", deployWorkflows: "(" }, ["deployWorkflows is not a regular expression"]],
    [{ kind: "gitlab", deployWorkflows: "^ship" }, ["deployWorkflows is for kind github alone; remove it"]],
  ])("of %j say %j", (fields, problems) => {
    expect(source(fields)).toEqual(problems);
  });
});

describe("repositories of a service", () => {
  const service = (repositories: string[]) =>
    serviceSchema.safeParse({ name: "shop", team: "storefront", dri: "lena", repositories });

  it("are owner and name, however deep, without host or .git", () => {
    for (const name of ["acme/shop", "gitlab-org/sub.group/shop_2"])
      expect(service([name]).success).toBe(true);
    for (const name of [
      "shop",
      "https://github.com/acme/shop",
      "git@github.com:acme/shop",
      "acme/",
      "/shop",
      "a b/c",
    ])
      expect(service([name]).success).toBe(false);
  });

  it("are found in any case", () => {
    const catalog = { services: [{ name: "shop", repositories: ["Acme/Shop"] }] } as unknown as Catalog;
    expect(servicesOfRepository(catalog, "acme/shop")).toHaveLength(1);
    expect(servicesOfRepository(catalog, "")).toEqual([]);
  });
});
