import { testProxy } from "./contract.ts";
import { nginx } from "./nginx.ts";

await testProxy(nginx);
