/** Tools for people who look into the protocol. They read what they are given and change nothing. */
package org.replicationserver.receiver.tool;
