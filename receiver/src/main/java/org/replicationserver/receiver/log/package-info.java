/**
 * How log lines look, and where they go beside standard output. A line is an event in words and its facts as keys and values; who
 * logs does not know more.
 */
package org.replicationserver.receiver.log;
