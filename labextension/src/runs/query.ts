/** Keys and orders as the filter grammar writes them.  Pure functions. */

import type { IOrder, IRunsQuery } from './types';

const PLAIN = /^[A-Za-z_][\w/-]*(?:\.[A-Za-z_][\w/-]*)*$/;

export type Collection = 'metrics' | 'params' | 'tags';

/** A key in a filter: unusual names stand in backticks, and those with backticks in quotes. */
export function keyOf(collection: Collection, name: string): string {
  if (PLAIN.test(name)) {
    return `${collection}.${name}`;
  }
  return name.includes('`')
    ? `${collection}."${name.replaceAll('"', '""')}"`
    : `${collection}.\`${name}\``;
}

/** A text as a filter holds it. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A filter that holds where both do. */
export function both(one: string, other: string): string {
  const parts = [one.trim(), other.trim()].filter(Boolean);
  return parts.length < 2 ? parts.join('') : parts.map(part => `(${part})`).join(' and ');
}

/** The runs of one group; null stands for runs that have no such value. */
export function groupFilter(by: string, value: string | null): string {
  return value === null ? `${by} IS NULL` : `${by} = ${quote(value)}`;
}

export function orderText(order: IOrder | null): string | null {
  return order && `${order.key} ${order.descending ? 'DESC' : 'ASC'}`;
}

/** A first click sorts numbers from the largest down and texts from A; the second turns it round, the third ends it. */
export function nextOrder(order: IOrder | null, key: string, numeric: boolean): IOrder | null {
  if (order?.key !== key) {
    return { key, descending: numeric };
  }
  return order.descending === numeric ? { key, descending: !numeric } : null;
}

/** Whether new runs can only come at the top. */
export function isNewestFirst(query: IRunsQuery): boolean {
  return query.order === null || (query.order.key === 'start_time' && query.order.descending);
}
