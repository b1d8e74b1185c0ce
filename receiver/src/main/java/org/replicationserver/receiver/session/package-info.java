/**
 * The session of a source server: generations and fencing, streams and windows, epochs and commits, acknowledgements.
 *
 * <p>A state machine without I/O. Frames and events come in as method calls, effects go out through {@link
 * org.replicationserver.receiver.session.Transport}, {@link org.replicationserver.receiver.session.VolumeHost} and {@link
 * org.replicationserver.receiver.session.SourceRecords}; time is handed in. Everything here is confined to one thread, the event
 * loop of port 1500, so that a simulation can run the code that ships. The only calls from other threads are those of the volume
 * writers, and {@link org.replicationserver.receiver.session.Sessions} moves them over.
 */
package org.replicationserver.receiver.session;
