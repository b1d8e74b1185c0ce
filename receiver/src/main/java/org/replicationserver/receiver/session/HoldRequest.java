package org.replicationserver.receiver.session;

import java.time.Duration;

/**
 * What is wanted of a hold.
 *
 * @param commitTimeout how long a commit is waited for
 * @param timeToLive how long the volumes stay as they are at most; also what they may take to settle. Longer than zero
 */
public record HoldRequest(Duration commitTimeout, Duration timeToLive) {}
