/**
 * What the clients of services on port 443 have in common: who this instance is, credentials for signatures, whom to trust, and the way
 * through a proxy. Blocking calls, for virtual threads.
 */
package org.replicationserver.receiver.aws;
