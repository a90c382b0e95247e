// Hardhat as a second node: its pool is stricter than anvil's. The chain id and the mining are a story's.
module.exports = {
  solidity: "0.8.24",
  networks: {
    hardhat: {
      chainId: Number(process.env.FOOLSCAP_CHAIN ?? 31337),
      accounts: { count: 4, accountsBalance: "1000000000000000000000000000" },
      hardfork: "cancun",
      loggingEnabled: false,
    },
  },
};
