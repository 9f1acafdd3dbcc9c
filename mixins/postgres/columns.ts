/** The columns of an entity, for a statement of ours that writes its rows: what it is made of stands in the entity alone. */
import { type EntityMetadata, Type, UnderscoreNamingStrategy } from "@mikro-orm/core";
import { PostgreSqlPlatform } from "@mikro-orm/postgresql";
import { sql } from "kysely";

const naming = new UnderscoreNamingStrategy();
const platform = new PostgreSqlPlatform();

export interface Column {
  readonly property: string;
  readonly name: string;
  /** As PostgreSQL calls it. */
  readonly type: string;
}

/** In the order of the properties. Each must have a type of MikroORM's (`p.text()` and the like). */
export function columnsOf(entity: { readonly meta: object }): Column[] {
  const { properties } = entity.meta as EntityMetadata;
  return Object.entries(properties).map(([property, definition]) => ({
    property,
    name: naming.propertyToColumnName(property),
    type: typeOf(definition.type).getColumnType(definition, platform),
  }));
}

/** `p.array()` has its type, others have the class of it. */
const typeOf = (type: unknown): Type<unknown> => (type instanceof Type ? type : Type.getType(type as never));

/** As a list in a statement; made once, where the statement stands. */
export const columnList = (columns: readonly Column[], form: (column: Column) => string) =>
  sql.raw(columns.map(form).join(", "));
