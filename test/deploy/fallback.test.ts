import { execFile } from "node:child_process";
import { copyFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { requireService } from "../support/services.ts";
import { tempDir } from "../support/temp-dir.ts";

const alertmanager = requireService("alertmanager");
const prometheus = requireService("prometheus");
const run = async (program: string, args: readonly string[], cwd = "."): Promise<string> => {
  const { stdout, stderr } = await promisify(execFile)(program, args, { cwd }).catch(
    (error: { stdout: string; stderr: string }) => error,
  );
  return `${stdout}${stderr}`.trim();
};

describe.runIf(alertmanager)("the Alertmanager of the fallback", () => {
  const amtool = join(dirname(alertmanager ?? ""), "amtool");
  const config = "deploy/alertmanager-fallback.yml";

  it("is a configuration that Alertmanager accepts", async () => {
    expect(await run(amtool, ["check-config", config])).toMatch(
      /SUCCESS[\s\S]*1 inhibit rules[\s\S]*3 receivers/,
    );
  });

  it.each([
    ["alertname=HighErrorRate severity=critical", "quarterdeck"],
    ["alertname=Watchdog severity=none", "quarterdeck,dead-mans-switch"],
    ["alertname=QuarterdeckDown severity=critical route=direct", "people"],
    ["alertname=PageWithoutQuarterdeck route=direct", "people"],
  ])("sends %s to %s", async (labels, receivers) => {
    const args = ["config", "routes", "test", `--config.file=${config}`, ...labels.split(" ")];
    expect((await run(amtool, args)).split("\n")[0]).toBe(receivers);
  });
});

describe.runIf(prometheus)("the rules of the fallback", () => {
  it("page people directly only while Quarterdeck is down", async () => {
    const dir = tempDir();
    copyFileSync(resolve("deploy/prometheus-fallback.yml"), join(dir, "rules.yml"));
    const page =
      'count(ALERTS{alertname="PageWithoutQuarterdeck",cause="Checkout",service="shop",route="direct"})';
    const fires = (expr: string, eval_time: string, isFiring: boolean) => ({
      expr,
      eval_time,
      exp_samples: isFiring ? [{ labels: "{}", value: 1 }] : [],
    });
    const tests = [
      {
        interval: "30s",
        input_series: [
          { series: 'up{job="quarterdeck"}', values: "1x10 0x20" },
          {
            series: 'ALERTS{alertstate="firing",alertname="Checkout",service="shop",severity="critical"}',
            values: "1x40",
          },
          {
            series: 'ALERTS{alertstate="firing",alertname="Slow",service="shop",severity="warning"}',
            values: "1x40",
          },
        ],
        promql_expr_test: [
          fires('count(ALERTS{alertname="QuarterdeckUnwell"})', "9m", false),
          fires(page, "5m", false),
          fires(page, "9m", true),
          fires('count(ALERTS{alertname="PageWithoutQuarterdeck"})', "9m", true),
          fires('count(ALERTS{alertname="Watchdog",alertstate="firing"})', "1m", true),
          fires('count(ALERTS{alertname="QuarterdeckRefusesAlerts"})', "9m", false),
        ],
      },
      {
        interval: "30s",
        input_series: [
          { series: 'quarterdeck_watch_well{job="quarterdeck",condition="slack"}', values: "1x4 0x20" },
          { series: 'quarterdeck_watch_well{job="quarterdeck",condition="rings"}', values: "1x40" },
          { series: 'quarterdeck_watch_look_age_seconds{job="quarterdeck"}', values: "5x40" },
        ],
        promql_expr_test: [
          fires(
            'count(ALERTS{alertname="QuarterdeckUnwell",alertstate="firing",route="direct"})',
            "3m",
            false,
          ),
          fires(
            'count(ALERTS{alertname="QuarterdeckUnwell",alertstate="firing",condition="slack"})',
            "7m",
            true,
          ),
          fires('count(ALERTS{alertname="QuarterdeckUnwell",condition="rings"})', "7m", false),
        ],
      },
    ];
    writeFileSync(
      join(dir, "tests.yml"),
      stringify({ rule_files: ["rules.yml"], evaluation_interval: "30s", tests }),
    );
    expect(
      await run(join(dirname(prometheus ?? ""), "promtool"), ["test", "rules", "tests.yml"], dir),
    ).toMatch(/SUCCESS$/);
  });
});
