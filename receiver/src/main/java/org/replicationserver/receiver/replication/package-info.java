/**
 * What is said of a source server's replication: state, initiation steps, counters, lag, backlog, ETA, where the lag's time goes, and
 * why. {@code receiver/replication/README.md} specifies all of it.
 *
 * <p>A model without I/O, threads or clocks of its own: the server calls {@link
 * org.replicationserver.receiver.replication.SourceReplication} when something happens and four times a second, and hands in the time.
 * Event loop only. Nothing here changes what sessions do.
 */
package org.replicationserver.receiver.replication;
