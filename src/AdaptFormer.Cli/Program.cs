using AdaptFormer.Cli;
using AdaptFormer.Cli.Commands;
using AdaptFormer.Cli.Output;

if (OpenFiles.Problem() is { } problem)
{
    // By the plainest means: what writes everything else needs more files than there are.
    Console.Error.WriteLine($"adaptformer: {problem}");
    return Failure.FailedRun;
}

return await Shell.RunAsync(args, Screen.OfProcess());
