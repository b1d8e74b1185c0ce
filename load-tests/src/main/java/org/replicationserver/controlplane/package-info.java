/**
 * A control plane to test against: a real HTTPS server that speaks the document {@code deploy/control-api/openapi.yaml}, verifies
 * signatures, checks every request and answer against the document, keeps fleets, and fails on demand; and the metadata service that
 * gives instances their credentials. Begin at {@link org.replicationserver.controlplane.ControlPlaneSimulator}.
 */
@NullMarked
package org.replicationserver.controlplane;

import org.jspecify.annotations.NullMarked;
