using AdaptFormer.Peers;

// One process, one measurement: run.sh starts this program anew for each, and "compare" is what starts them.
try
{
    switch (args)
    {
        case ["check", string fixtures]: return TorchCheck.Run(fixtures) ? 0 : 1;
        case ["torch", .. string[] rest]: return TorchBench.Run(new Options(rest));
        case ["export", .. string[] rest]: return OnnxBench.Export(new Options(rest));
        case ["onnx", .. string[] rest]: return OnnxBench.Run(new Options(rest));
        case ["epochs", .. string[] rest]: return TorchEpochs.Run(new Options(rest));
        case ["compare", .. string[] rest]: return Comparison.Run(new Options(rest));
        case ["table", .. string[] files]: return ResultTable.Print(files);
        default:
            Console.Error.WriteLine("peers: give check FIXTURES, torch, export, onnx, epochs, compare or table FILE…; run.sh shows how.");
            return 2;
    }
}
catch (Exception error) when (error is ArgumentException or IOException or InvalidDataException or InvalidOperationException)
{
    Console.Error.WriteLine($"peers: {error.Message}");
    return 1;
}
