using System.CommandLine;

namespace AdaptFormer.Cli.Commands;

/// <summary>
/// A command whose results are files. It ends with code 0 when they are written, even if nothing could be printed; of any other
/// command printing is the result, and it fails when stdout is full or closed.
/// </summary>
/// <param name="name">Its name.</param>
/// <param name="description">What it does.</param>
internal sealed class FileCommand(string name, string description) : Command(name, description);
