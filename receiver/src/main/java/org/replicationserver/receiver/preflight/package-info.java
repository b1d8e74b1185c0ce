/**
 * What a server needs of the world around it, looked at from where it stands: services on port 443, the instance's metadata, its clock, its
 * port, its certificate, directories and volumes. Checks block, run side by side, and harm no server that runs.
 */
package org.replicationserver.receiver.preflight;
