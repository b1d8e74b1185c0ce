/**
 * Durable writes to attached block volumes.
 *
 * <p>A {@link org.replicationserver.volume.VolumeRegistry} opens volumes. Each is a
 * {@link org.replicationserver.volume.VolumeWriter}: one platform thread that owns one
 * {@link org.replicationserver.volume.BlockDevice}, takes what is queued, expands and checks it, writes it, forces once
 * and only then reports it. {@link org.replicationserver.volume.StateDirectory} keeps the small records that have to be
 * as durable as the blocks. {@code Linux} holds every foreign function; nothing else calls the operating system
 * that way.
 *
 * <p>What comes in has been validated at the edge (the session); the checks here are the last line of defence and
 * throw instead of answering.
 */
@NullMarked
package org.replicationserver.volume;

import org.jspecify.annotations.NullMarked;
