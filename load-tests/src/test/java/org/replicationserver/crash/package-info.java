/** Tests of the crash tests: a part of each campaign, and that each finds what it is for. */
package org.replicationserver.crash;
