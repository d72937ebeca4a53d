import { testRoomModel } from "./model.ts";

// With this seed, a run restarts the server and overruns the log of stalled and absent users.
testRoomModel(1, 7);
