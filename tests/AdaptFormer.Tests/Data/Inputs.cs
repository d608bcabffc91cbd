namespace AdaptFormer.Tests.Data;

/// <summary>Small inputs as users bring them, below <c>Fixtures/inputs</c>.</summary>
internal static class Inputs
{
    /// <summary>The path of an input, with the separators of this system.</summary>
    public static string At(params string[] parts) => Path.Combine([AppContext.BaseDirectory, "Fixtures", "inputs", .. parts]);
}
