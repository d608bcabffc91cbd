namespace AdaptFormer.Tensors.Backends;

/// <summary>
/// One switch for all optional native code: with <c>ADAPTFORMER_NATIVE=off</c> in the environment no library and no program that is not
/// part of .NET and the packages is looked for, as on a machine that has none.
/// </summary>
/// <remarks>Whoever adds an optional library asks <see cref="Off"/> before looking for it.</remarks>
public static class NativeSwitch
{
    /// <summary>The environment variable: <c>off</c> hides all optional native code; <c>on</c>, or no value, looks for it.</summary>
    public const string Variable = "ADAPTFORMER_NATIVE";

    /// <summary>Why nothing was looked for, to follow the name of what is missing: "oneDNN is hidden: …".</summary>
    public const string Hidden = "hidden: " + Variable + " is 'off'";

    /// <summary>Optional native code is hidden from this process.</summary>
    /// <exception cref="ArgumentException">The variable has another value: the caller wanted something, and would not get it.</exception>
    public static bool Off => IsOff(Environment.GetEnvironmentVariable(Variable));

    internal static bool IsOff(string? value) => value?.Trim().ToLowerInvariant() switch
    {
        null or "" or "on" => false,
        "off" => true,
        _ => throw new ArgumentException(
            $"The environment variable {Variable} is '{value}'; expected 'off' (hide all optional native libraries) or 'on'."),
    };
}
