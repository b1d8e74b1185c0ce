/**
 * What the demo and the bench need around the server: processes that are started and always ended, their CPU and memory as the operating
 * system counts them, and a disk full of real files.
 */
package org.replicationserver.process;
