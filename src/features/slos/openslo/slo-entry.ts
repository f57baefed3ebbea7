/** One SLO document with all it refers to, as entries of the catalog's `slos`: one for each objective. Pure. */
import { type Slo, sloSchema, } from "../../../catalog/slos.ts";
