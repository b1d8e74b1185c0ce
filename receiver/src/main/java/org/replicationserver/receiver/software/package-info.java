/**
 * Fetches software from a few buckets of S3 and installs what is proven to be the right one: {@link
 * org.replicationserver.receiver.software.AllowList} says from where, {@link org.replicationserver.receiver.software.SoftwareFetcher} in which
 * order it is checked, {@link org.replicationserver.receiver.software.SoftwareStore} what is on the disk. Nothing here is made before it is
 * asked for.
 */
package org.replicationserver.receiver.software;
