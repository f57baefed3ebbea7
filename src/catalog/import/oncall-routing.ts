/** What a route of Grafana OnCall asks of an alert, as labels. Pure. */

/**
 * Labels that a route's pattern or template asks for, each with one value. Undefined for anything else: a pattern over
 * the whole body says nothing of labels.
 */
export function labelsOfRoute(
  type: string | null | undefined,
  text: string,
): Readonly<Record<string, string>> | undefined {
  return type === "jinja2" ? labelsOfTemplate(text) : labelsOfPattern(text);
}

/** `"service":\s*"checkout"` in the body's JSON. */
function labelsOfPattern(text: string): Readonly<Record<string, string>> | undefined {
  const [, name, value] =
    /^(?:\.\*)?\\?"([A-Za-z_]\w*)\\?":(?:\\s[*+?]?| |\s\?|\s\*)*\\?"([\w.-]+)\\?"(?:\.\*)?$/.exec(
      text.trim(),
    ) ?? [];
  return name !== undefined && value !== undefined ? { [name]: value } : undefined;
}

/** `{{ payload.commonLabels.service == "checkout" and payload.labels["env"] == "prod" }}`. */
function labelsOfTemplate(text: string): Readonly<Record<string, string>> | undefined {
  const inner = /^\{\{-?\s*([\s\S]*?)\s*-?\}\}$/.exec(text.trim())?.[1];
  if (inner === undefined) return undefined;
  const labels: Record<string, string> = {};
  for (const part of inner.split(/\s+and\s+/)) {
    const found =
      /^\(?\s*payload\.(?:commonLabels|groupLabels|labels|alerts\[0\]\.labels)(?:\.(\w+)|\[["'](\w+)["']\]|\.get\(["'](\w+)["']\))\s*==\s*["']([^"']+)["']\s*\)?$/.exec(
        part.trim(),
      );
    const name = found?.[1] ?? found?.[2] ?? found?.[3];
    const value = found?.[4];
    if (name === undefined || value === undefined || Object.hasOwn(labels, name)) return undefined;
    labels[name] = value;
  }
  return labels;
}
