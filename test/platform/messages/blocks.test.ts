import { expect, it } from "vitest";
import { codeBlock } from "../../../src/platform/messages/blocks.ts";

it("lets nothing end a code block or become a mention", () => {
  expect(codeBlock(["echo ``` <!channel> & done"])).toBe("```\necho ''' &lt;!channel&gt; &amp; done\n```");
});
