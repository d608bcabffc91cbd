using Microsoft.ML.OnnxRuntime;

namespace AdaptFormer.Onnx;

/// <summary>ONNX Runtime's native library, which may be absent: on systems that its packages do not serve, or where it was left
/// out.</summary>
public static class OnnxRuntimeLibrary
{
    private static readonly Lazy<(string? Version, string Reason)> Found = new(Find);

    /// <summary>Whether it can be used here.</summary>
    public static bool IsAvailable => Found.Value.Version is not null;

    /// <summary>Its version, for example <c>1.31.1</c>; null where it is absent.</summary>
    public static string? Version => Found.Value.Version;

    /// <summary>Throws unless it can be used here.</summary>
    /// <exception cref="DllNotFoundException">It is absent; the message says what to do.</exception>
    public static void Require()
    {
        if (!IsAvailable)
            throw new DllNotFoundException(
                $"ONNX Runtime's native library cannot be loaded here ({Found.Value.Reason}). It comes with the NuGet package "
                + "Microsoft.ML.OnnxRuntime for Linux, Windows and macOS on x64 and arm64; without it use the model itself, not its "
                + "ONNX file.");
    }

    private static (string?, string) Find()
    {
        try
        {
            return (OrtEnv.Instance().GetVersionString(), "");
        }
        catch (Exception e) when (e is TypeInitializationException or DllNotFoundException or EntryPointNotFoundException
            or BadImageFormatException)
        {
            return (null, (e.InnerException ?? e).Message.Split('\n')[0].TrimEnd('.', ' '));
        }
    }
}
