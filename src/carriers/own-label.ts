import type { LabelContent } from "../domain/label.ts";
import type { LabelFormat } from "../domain/vocabulary.ts";
import type { BoughtLabel, LabelPackage, LabelRequest } from "./carrier.ts";
import type { CarrierTools } from "./tools.ts";

export interface OwnLabel extends Pick<LabelContent, "carrier_name" | "sort_code" | "extra_lines"> {
  format: LabelFormat;
  request: LabelRequest;
  box: LabelPackage;
  tracking_number: string;
}

/** Draws the label of one box, for carriers that expect it of us. The same box gives the same bytes. */
export function drawLabel(
  { renderLabel }: Pick<CarrierTools, "renderLabel">,
  { format, request, box, tracking_number, ...printed }: OwnLabel,
): BoughtLabel {
  const content: LabelContent = {
    ...printed,
    service: request.service,
    from: request.from,
    to: request.to,
    order_number: request.order_number,
    tracking_number,
    ...(box.sscc === undefined ? {} : { sscc: box.sscc }),
    sequence_number: box.sequence_number,
    package_count: request.packages.length,
    weight: box.weight,
  };
  const data = renderLabel(format, content);
  return { sequence_number: box.sequence_number, tracking_number, format, data, content };
}
