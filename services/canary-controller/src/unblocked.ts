import type { AuditStore } from '@frontier/contracts/registry';

/**
 * Who has let a blocked digest be rolled out again; undefined: nobody, or it was blocked once more. That the database
 * does not block it is not enough: it may be older than the rollback.
 */
export async function unblockedBy(
  audit: Pick<AuditStore, 'list'>,
  digest: string,
): Promise<string | undefined> {
  const { items } = await audit.list({ subject: `digest/${digest}` }, 1);
  return items[0]?.action === 'digest.unblock' ? items[0].who : undefined;
}
