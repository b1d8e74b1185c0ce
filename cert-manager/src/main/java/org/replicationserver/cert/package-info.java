/**
 * Keys, certificates and pins: who this server is, and which agents it knows.
 *
 * <p>A side is known by its key and by nothing else: the {@link org.replicationserver.cert.Pin} is the SHA-256 of the
 * certificate's SubjectPublicKeyInfo, and names and issuers in a certificate count for nothing. A newcomer starts at
 * {@link org.replicationserver.cert.IdentityStore} (the own key, made once and kept), goes on to
 * {@link org.replicationserver.cert.PinnedTrustManager} (strangers end inside the TLS handshake) and ends at
 * {@link org.replicationserver.cert.PeerIdentity} (the source server behind a certificate). Keys and signatures come
 * from the providers of the JDK; Bouncy Castle only builds certificates and reads and writes PEM, and is not registered
 * as a provider.
 */
@NullMarked
package org.replicationserver.cert;

import org.jspecify.annotations.NullMarked;
